"""How the platform gets changed: plan → evidence → guards → approvals → durable run → verification → audit.

`docs/engine.md` tells the design. Everything that changes the platform comes through `engine.Engine.request`.
"""
