"""One module per subcommand: ``run(arguments) -> exit code``."""
