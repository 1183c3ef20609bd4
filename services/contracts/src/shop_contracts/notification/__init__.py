"""What others may know of notification."""
