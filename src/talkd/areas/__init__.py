"""One folder for each feature, with the same file names in each.

`model` dataclasses and pure rules · `store` every SQL statement · `service` use cases · `routes` the
operations · `view` the JSON.
"""
