//! A list of all variants of an enum.

/// An array of the variants of an enum, in the order that is given. A variant that is missing is a compile error, and so is
/// one that is listed twice. Variants that do not belong into the array follow `without`.
macro_rules! all_variants {
    ($name:ident: $($variant:ident),+ $(,)? $(; without $($other:ident),+ $(,)?)?) => {{
        const _: fn($name) = |value| match value {
            $($name::$variant => (),)+
            $($($name::$other => (),)+)?
        };
        [$($name::$variant),+]
    }};
}

pub(crate) use all_variants;
