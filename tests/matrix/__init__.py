"""Every front end and kernel that the README names, tried in fresh environments."""
