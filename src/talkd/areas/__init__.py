"""One folder for each feature. Its files are named by role, and ARCHITECTURE.md says what each role may import.

`model` structs and pure rules · `store` SQL statements · `service` use cases · `effects` what follows from events ·
`jobs` background jobs · `routes` operations · `view` JSON
"""
