//! The matrix of this suite: its tests on the builds of Campaign that the sandbox can play.

/// Makes a module of each of these tests, with a test for each of these builds. A test is an async function of a build.
macro_rules! cells {
    ($builds:tt $($test:ident)*) => {
        $(mod $test {
            use campaign_group_sync::sandbox::campaign::Build;

            cells!(@ $test $builds);
        })*
    };
    (@ $test:ident [$($cell:ident = $build:ident)*]) => {
        $(
            #[tokio::test]
            async fn $cell() {
                super::$test(Build::$build).await;
            }
        )*
    };
}

/// Runs the tests on each build.
macro_rules! on_each_build {
    ($($test:ident),* $(,)?) => { cells!([v7_3_4 = V7_3_4 v7_4 = V7_4 v8_6 = V8_6 old = Old] $($test)*); };
}

/// Runs the tests, which sign in with a password, on the builds that allow it.
macro_rules! with_native_sign_in {
    ($($test:ident),* $(,)?) => { cells!([v7_3_4 = V7_3_4 v7_4 = V7_4 old = Old] $($test)*); };
}

/// Runs the tests, which disable operators, on the builds that have a column for it.
macro_rules! with_a_disabled_column {
    ($($test:ident),* $(,)?) => { cells!([v7_3_4 = V7_3_4 v7_4 = V7_4 v8_6 = V8_6] $($test)*); };
}

/// Runs the tests, which take columns from `xtk:group`, on the builds that have the groups in `xtk:operator` as well.
macro_rules! with_groups_as_operators {
    ($($test:ident),* $(,)?) => { cells!([v7_3_4 = V7_3_4 v7_4 = V7_4 old = Old] $($test)*); };
}
