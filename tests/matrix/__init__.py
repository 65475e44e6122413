"""Each front end, kernel and version that the README names, tested in fresh environments."""
