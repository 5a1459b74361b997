"""One file per topic of the overview: its panel (a state that everybody sees alike), the rows that it shows, and what fills
them from the board."""
