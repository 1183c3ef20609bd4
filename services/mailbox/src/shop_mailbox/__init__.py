"""Takes every mail, SMS and push message, shows them, and fails where it is told to."""
