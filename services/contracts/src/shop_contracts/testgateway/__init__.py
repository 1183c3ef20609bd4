"""What the test gateway promises: the API of a payment gateway, with faults that can be switched on."""
