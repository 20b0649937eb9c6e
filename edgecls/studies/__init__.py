"""Studies: networks x data sets x regimes x seeds, from one TOML file to one table and one report."""
