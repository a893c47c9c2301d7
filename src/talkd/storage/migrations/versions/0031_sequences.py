"""Cut texts for the search index faster on PostgreSQL. The result is the same, so the index stays as it is."""

from alembic import op

revision = "0031"
down_revision = "0030"
usable_by = "0026"


def upgrade() -> None:
    """Replace the function. It passes over each text once, and sorts the sequences once instead of three times."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("""
        CREATE OR REPLACE FUNCTION search_grams(text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
            SELECT array_to_tsvector(coalesce(array_agg(a || coalesce(b, E'\\n') || coalesce(c, E'\\n')), '{}'))
            FROM unnest(
                string_to_array($1, NULL),
                string_to_array(substr($1, 2), NULL),
                string_to_array(substr($1, 3), NULL)
            ) AS letters(a, b, c)
        $$
    """)
