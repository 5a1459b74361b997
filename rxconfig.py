"""Reflex's configuration; everything about the platform is in the settings file (`openova_console/settings/`)."""

import reflex as rx

config = rx.Config(
    app_name="openova_console",
    # The gate compares Origin with the request's own address before Reflex sees it; nothing else may pass.
    cors_allowed_origins=["https://origin.checked.by.the.gate.invalid"],
    disable_plugins=[rx.plugins.SitemapPlugin],
    frontend_compression_formats=["brotli", "gzip"],
    plugins=[],
    show_built_with_reflex=False,
    state_manager_mode="memory",
    telemetry_enabled=False,
)
