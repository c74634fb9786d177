//! Converts the metrics from the text format `OpenMetrics` 1.0 to the older Prometheus text format 0.0.4.
//!
//! In the older format, the family of a counter has the name of its samples, with `_total`, and the type info is a gauge with
//! `_info`. It has neither units nor an end mark.

/// The media type of `OpenMetrics`.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The media type of Prometheus text.
pub(super) const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Converts `OpenMetrics` to Prometheus text 0.0.4.
pub(super) fn as_prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // The type, which decides the name, follows.
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            family(&mut text, rest, help.take());
        } else if !line.starts_with('#') {
            text.extend([line, "\n"]);
        }
    }
    text
}

fn family(text: &mut String, name_and_type: &str, help: Option<&str>) {
    let Some((name, family_type)) = name_and_type.split_once(' ') else { return };
    let (suffix, family_type) = match family_type {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        other => ("", other),
    };
    if let Some(help) = help {
        text.extend(["# HELP ", name, suffix, " ", help, "\n"]);
    }
    text.extend(["# TYPE ", name, suffix, " ", family_type, "\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_the_name_of_its_samples() {
        let newer = "# HELP a_runs Runs.\n# TYPE a_runs counter\na_runs_total{outcome=\"held\"} 3\n\
                     # HELP a_seconds Time.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1.5\n\
                     # TYPE a_build info\na_build_info{version=\"1\"} 1\n# EOF\n";
        let older = "# HELP a_runs_total Runs.\n# TYPE a_runs_total counter\na_runs_total{outcome=\"held\"} 3\n\
                     # HELP a_seconds Time.\n# TYPE a_seconds gauge\na_seconds 1.5\n\
                     # TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n";
        assert_eq!(as_prometheus_text(newer), older);
    }
}
