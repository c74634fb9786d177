//! `generate`: manual pages, shell completions and the reference, from the definitions that the program itself uses.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate_to};

use super::{
    CommandError,
    arguments::{Arguments, GenerateArguments, Generated},
    exit_status::ExitStatus,
    manual::{CONFIGURATION_PAGE, command_page, configuration_page, man, program_page},
    reference,
};

/// The name of the installed program.
const PROGRAM: &str = env!("CARGO_PKG_NAME");

/// The shells that Debian's packages ship completions for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes the files into a folder that exists.
pub(super) fn run(arguments: &GenerateArguments) -> Result<ExitStatus, CommandError> {
    match arguments.what {
        Generated::Man => manual_pages(&arguments.folder)?,
        Generated::Completions => completions(&arguments.folder)?,
        Generated::Reference => fs::write(arguments.folder.join("reference.md"), reference::markdown())?,
    }
    Ok(ExitStatus::Done)
}

/// Writes a page for the program, one for each command in its help, and one for the configuration.
fn manual_pages(folder: &Path) -> io::Result<()> {
    // The help command needs no page.
    let mut program = Arguments::command().disable_help_subcommand(true);
    // This adds the global options to the commands.
    program.build();
    command_pages(&program, folder)?;
    let man = man(program);
    program_page(&man, &mut File::create(folder.join(man.get_filename()))?)?;
    configuration_page(&mut File::create(folder.join(format!("{CONFIGURATION_PAGE}.5")))?)
}

/// Writes a page for each visible command of this one, and for the commands of that.
fn command_pages(parent: &Command, folder: &Path) -> io::Result<()> {
    let is_shown = |command: &&Command| !command.is_hide_set() && command.get_name() != "help";
    for command in parent.get_subcommands().filter(is_shown) {
        let man = man(command.clone().disable_help_subcommand(true));
        command_page(&man, &mut File::create(folder.join(man.get_filename()))?)?;
        command_pages(command, folder)?;
    }
    Ok(())
}

fn completions(folder: &Path) -> io::Result<()> {
    let mut program = Arguments::command();
    for shell in SHELLS {
        let path = generate_to(shell, &mut program, PROGRAM, folder)?;
        if shell == Shell::Bash {
            // `clap_complete` 4.6 writes the name of a program with hyphens in two ways, so that the cases of the
            // commands are never reached.
            let wrong = format!("{}__subcmd__", PROGRAM.replace('-', "__subcmd__"));
            let right = format!("{}__subcmd__", PROGRAM.replace('-', "__"));
            fs::write(&path, fs::read_to_string(&path)?.replace(&wrong, &right))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    fn generated(what: Generated) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().expect("a folder");
        run(&GenerateArguments { what, folder: folder.path().to_owned() }).expect("files");
        let entries = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry"));
        entries
            .map(|entry| {
                let text = fs::read_to_string(entry.path()).expect("text");
                (entry.file_name().to_string_lossy().into_owned(), text)
            })
            .collect()
    }

    #[test]
    fn the_program_and_every_visible_command_have_a_page() {
        let commands = Arguments::command();
        let shown = commands.get_subcommands().filter(|command| !command.is_hide_set());
        let mut wanted: BTreeSet<String> =
            shown.map(|command| format!("campaign-group-sync-{}.8", command.get_name())).collect();
        wanted.extend(["copy", "assign"].map(|command| format!("campaign-group-sync-state-{command}.8")));
        wanted.insert("campaign-group-sync.8".to_owned());
        wanted.insert("campaign-group-sync.toml.5".to_owned());
        let pages = generated(Generated::Man);
        assert_eq!(pages.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), wanted);
        for (name, text) in pages {
            assert!(text.contains(".SH NAME") && text.contains(".SH \"SEE ALSO\""), "{name}: {text}");
            let has_options = text.contains("\\-\\-config");
            assert!(has_options || name.ends_with(".5"), "{name}: {text}");
            for page in text.split(|c: char| c.is_whitespace() || c == ',').filter_map(|word| word.strip_suffix("(8)"))
            {
                assert!(wanted.contains(&format!("{}.8", page.replace('\\', ""))), "{name} refers to {page}");
            }
        }
    }

    #[test]
    fn the_pages_have_the_sections_of_a_manual_page() {
        let pages = generated(Generated::Man);
        let page = |wanted: &str| &pages.iter().find(|(name, _)| name == wanted).expect("a page").1;
        for heading in ["\"EXIT STATUS\"", "FILES", "ENVIRONMENT", "EXAMPLES"] {
            assert!(page("campaign-group-sync.8").contains(&format!(".SH {heading}\n")), "{heading}");
        }
        let configuration = page("campaign-group-sync.toml.5");
        assert!(
            configuration.contains(".SH [guard]") && configuration.contains("max_removals = 50"),
            "{configuration}"
        );
    }

    #[test]
    fn every_shell_completes_the_commands() {
        let files = generated(Generated::Completions);
        assert_eq!(files.len(), SHELLS.len());
        for (name, text) in files {
            assert!(text.contains("history") && text.contains("sync-now"), "{name}");
        }
    }
}
