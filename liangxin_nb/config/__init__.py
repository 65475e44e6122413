"""Settings, credentials and what is known of the environment."""
