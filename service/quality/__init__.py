"""Reports of quality control: words for a terminal, one page for people and files."""
