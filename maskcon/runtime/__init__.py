"""How a stage starts, stops, resumes and is identified; whole files; named randomness."""
