"""Parts of pages, on plain elements. Styled by class names from `assets/openova.css`."""
