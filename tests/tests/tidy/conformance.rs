//! `tests/conformance.toml`: every module of the OpenID Foundation's plans for relying parties has a scenario, or an excuse.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::source::{Finding, Source};

/// The table.
pub(crate) const TABLE: &str = "tests/conformance.toml";

const SCENARIOS: &str = "tests/tests/scenarios/";

/// The macros that make scenarios of functions.
const MACROS: [&str; 2] = ["scenarios!(", "plan!("];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    plan: Vec<Plan>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
    #[serde(default)]
    scenarios: String,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    elsewhere: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    excused: BTreeMap<String, String>,
    excuse: Option<String>,
}

/// Finds modules that nothing covers, rows about nothing, and scenarios that are no module's.
pub(crate) fn uncovered(table: &Source, sources: &[Source]) -> Vec<Finding> {
    let plans = match toml::from_str::<Table>(&table.text) {
        Ok(table) => table.plan,
        Err(error) => return vec![table.finding(1, error.to_string())],
    };
    let known = Known(table, sources);
    let mut findings: Vec<Finding> = plans.iter().flat_map(|plan| known.plan(plan)).collect();
    let named: BTreeSet<&str> = plans.iter().map(|plan| plan.scenarios.as_str()).collect();
    for source in sources {
        let file = source.path.strip_prefix(SCENARIOS).unwrap_or_default();
        let file = file.trim_end_matches(".rs");
        let ours = file.starts_with("conformance/") && !scenarios(source).is_empty();
        if ours && !named.contains(file) {
            findings.push(source.finding(1, format!("no plan of {TABLE} has these scenarios")));
        }
    }
    findings
}

/// The table and the files that it is compared with.
struct Known<'a>(&'a Source, &'a [Source]);

impl Known<'_> {
    fn plan(&self, plan: &Plan) -> Vec<Finding> {
        let at = |what: &str| {
            let what = format!("\"{what}\"");
            let line = self.0.text.lines().position(|line| line.contains(&what));
            line.map_or(1, |line| line + 1)
        };
        let name = &plan.name;
        let mut findings = Vec::new();
        let mut found = |line: usize, message: String| findings.push(self.0.finding(line, message));
        match (&plan.excuse, plan.modules.is_empty()) {
            (Some(excuse), true) if !excuse.trim().is_empty() => {}
            (None, false) => {}
            _ => found(
                at(name),
                format!("{name} needs its modules, or an excuse for all of them"),
            ),
        }
        let own = self.at(&plan.scenarios);
        for module in &plan.modules {
            let by_name = own.contains(&module.replace('-', "_"));
            let elsewhere = plan.elsewhere.contains_key(module);
            let excuse = plan.excused.get(module);
            match usize::from(by_name) + usize::from(elsewhere) + usize::from(excuse.is_some()) {
                0 => found(
                    at(module),
                    format!(
                        "{name}: no scenario covers {module}, and nothing excuses it: add one to {}.rs",
                        plan.scenarios
                    ),
                ),
                1 => {}
                _ => found(
                    at(module),
                    format!(
                        "{name}: {module} has a scenario of its name and another row: remove the row"
                    ),
                ),
            }
            if excuse.is_some_and(|excuse| excuse.trim().is_empty()) {
                found(at(module), format!("{name}: say why {module} is excused"));
            }
        }
        let modules: BTreeSet<String> = plan.modules.iter().map(|m| m.replace('-', "_")).collect();
        for row in plan.elsewhere.keys().chain(plan.excused.keys()) {
            if !plan.modules.contains(row) {
                found(at(row), format!("{name} has no module {row}"));
            }
        }
        for scenario in own.difference(&modules) {
            let file = &plan.scenarios;
            found(
                at(name),
                format!("{file}.rs has a scenario {scenario}, which is no module of {name}"),
            );
        }
        for (module, scenarios) in &plan.elsewhere {
            for scenario in scenarios {
                let (file, function) = scenario.rsplit_once("::").unwrap_or_default();
                if !self.at(file).contains(function) {
                    found(at(module), format!("there is no scenario {scenario}"));
                }
            }
        }
        findings
    }

    /// The scenarios of a file, which is named as `conformance/basic`.
    fn at(&self, file: &str) -> BTreeSet<String> {
        let paths = ["", "/mod"].map(|end| format!("{SCENARIOS}{file}{end}.rs"));
        let source = self.1.iter().find(|source| paths.contains(&source.path));
        source.map(scenarios).unwrap_or_default()
    }
}

/// The names that a file gives to the macros that make scenarios; the compiler has seen that there are such functions.
fn scenarios(source: &Source) -> BTreeSet<String> {
    let code = source.code();
    let mut names = BTreeSet::new();
    for mark in MACROS {
        for (at, _) in code.match_indices(mark) {
            let arguments = code[at + mark.len()..]
                .split(')')
                .next()
                .unwrap_or_default();
            let rows = arguments.split([',', ';']).map(|row| {
                let row = row.split("=>").next().unwrap_or_default();
                row.rsplit(':').next().unwrap_or_default().trim()
            });
            let is_name = |name: &&str| {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
                !name.is_empty() && name.chars().all(plain)
            };
            names.extend(rows.filter(is_name).map(str::to_owned));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &str, sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = sources
            .iter()
            .map(|(file, text)| Source::new(&format!("{SCENARIOS}{file}.rs"), text))
            .collect();
        let findings = uncovered(&Source::new(TABLE, table), &sources);
        findings.iter().map(ToString::to_string).collect()
    }

    const PLAN: &str = "[[plan]]\nname = \"p\"\nscenarios = \"conformance/p\"\n";

    fn plan(rows: &str) -> String {
        format!("{PLAN}modules = [\"a-b\", \"c\"]\n{rows}")
    }

    #[test]
    fn names_are_read_out_of_macros() {
        let text =
            "scenarios!(a, b; in either keeping: c,\n// d\n); plan!(p::q: e => x::y, f => z,);";
        let names: Vec<String> = scenarios(&Source::new("x.rs", text)).into_iter().collect();
        assert_eq!(names, ["a", "b", "c", "e", "f"]);
    }

    #[test]
    fn what_is_covered_or_excused_is_in_order() {
        let here = ("conformance/p", "scenarios!(a_b, c);");
        assert_eq!(found(&plan(""), &[here]), [""; 0]);
        let here = ("conformance/p", "plan!(q: a_b => x::y);");
        let rows = "[plan.excused]\nc = \"because\"";
        assert_eq!(found(&plan(rows), &[here]), [""; 0]);
        let rows = "[plan.elsewhere]\nc = [\"dir::d\"]";
        assert_eq!(
            found(&plan(rows), &[here, ("dir/mod", "scenarios!(d);")]),
            [""; 0]
        );
        let excused = "[[plan]]\nname = \"p\"\nexcuse = \"because\"";
        assert_eq!(found(excused, &[]), [""; 0]);
    }

    #[test]
    fn what_nothing_covers_is_found() {
        let here = ("conformance/p", "scenarios!(a_b);");
        let text = found(&plan(""), &[here]);
        assert_eq!(text.len(), 1, "{text:?}");
        assert!(text[0].contains("no scenario covers c"), "{text:?}");
        assert!(text[0].contains("conformance.toml:4"), "{text:?}");
    }

    #[test]
    fn rows_about_nothing_are_found() {
        let here = ("conformance/p", "scenarios!(a_b, c);");
        for rows in [
            "[plan.excused]\nd = \"because\"",
            "[plan.excused]\nc = \"because\"",
            "[plan.elsewhere]\nc = [\"conformance/p::a_b\"]",
        ] {
            assert_eq!(found(&plan(rows), &[here]).len(), 1, "{rows}");
        }
        let here = ("conformance/p", "scenarios!(a_b);");
        for (rows, finding) in [
            (
                "[plan.elsewhere]\nc = [\"conformance/p::z\"]",
                "there is no scenario",
            ),
            ("[plan.elsewhere]\nc = [\"z::a_b\"]", "there is no scenario"),
            ("[plan.excused]\nc = \" \"", "say why"),
        ] {
            let text = found(&plan(rows), &[here]);
            assert!(text.len() == 1 && text[0].contains(finding), "{text:?}");
        }
    }

    #[test]
    fn scenarios_of_no_module_are_found() {
        let here = ("conformance/p", "scenarios!(a_b, c, d);");
        assert_eq!(found(&plan(""), &[here]).len(), 1);
        let here = ("conformance/p", "scenarios!(a_b, c);");
        let other = ("conformance/q", "scenarios!(d);");
        assert_eq!(found(&plan(""), &[here, other]).len(), 1);
    }

    #[test]
    fn a_plan_without_modules_needs_an_excuse() {
        assert_eq!(found("[[plan]]\nname = \"p\"", &[]).len(), 1);
        assert_eq!(found("[[plan]]\nname = \"p\"\nexcuse = \"\"", &[]).len(), 1);
        assert_eq!(found("[[plan]]\nname = \"p\"\nmodule = []", &[]).len(), 1);
    }
}
