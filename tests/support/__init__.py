"""What tests are made of: servers that run, and people who talk to them."""
