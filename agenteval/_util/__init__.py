"""Small leaves that every layer may use: ids, canonical JSON, names, references to code, bounded patterns."""
