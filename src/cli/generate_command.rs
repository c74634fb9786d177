//! `generate`: manual pages and shell completions for packages, from the definitions the program itself parses with.

use std::{io, path::Path};

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;

use super::{
    CommandError,
    arguments::{Arguments, GenerateArguments, Generated},
    exit_code::Exit,
};

/// The name of the installed program.
const PROGRAM: &str = env!("CARGO_PKG_NAME");

/// Section of the manual for daemons and their administration (`man man-pages`).
const SECTION: &str = "8";

/// The shells that Debian's packages ship completions for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes the files into a folder that exists.
pub(super) fn run(arguments: &GenerateArguments) -> Result<Exit, CommandError> {
    match arguments.what {
        Generated::Man => manual_pages(&arguments.folder)?,
        Generated::Completions => completions(&arguments.folder)?,
    }
    Ok(Exit::Done)
}

/// One page for the program, and one for each command that its help shows.
fn manual_pages(folder: &Path) -> io::Result<()> {
    // What `help` does is said by every page.
    let mut program = Arguments::command().disable_help_subcommand(true);
    // Only now do the commands know the options that are understood everywhere.
    program.build();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    for command in commands.chain([&program]) {
        page(command.clone()).generate_to(folder)?;
    }
    Ok(())
}

fn page(command: Command) -> Man {
    Man::new(command)
        .section(SECTION)
        .source(concat!("campaign-group-sync ", env!("CARGO_PKG_VERSION")))
        .manual("System administration")
}

fn completions(folder: &Path) -> io::Result<()> {
    let mut program = Arguments::command();
    for shell in SHELLS {
        generate_to(shell, &mut program, PROGRAM, folder)?;
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
    fn the_program_and_every_command_that_help_shows_have_a_page() {
        let commands = Arguments::command();
        let shown = commands.get_subcommands().filter(|command| !command.is_hide_set());
        let mut wanted: BTreeSet<String> =
            shown.map(|command| format!("campaign-group-sync-{}.8", command.get_name())).collect();
        wanted.insert("campaign-group-sync.8".to_owned());
        let pages = generated(Generated::Man);
        assert_eq!(pages.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), wanted);
        for (name, text) in pages {
            assert!(text.contains(".SH NAME") && text.contains("\\-\\-config"), "{name}: {text}");
        }
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
