"""The console's pages. `PAGES` is the table of contents."""

from openova_console.web.pages.alerts import alerts
from openova_console.web.pages.approvals import approvals
from openova_console.web.pages.audit import audit
from openova_console.web.pages.budget import budget
from openova_console.web.pages.deliveries import deliveries
from openova_console.web.pages.delivery import delivery
from openova_console.web.pages.freeze import freeze
from openova_console.web.pages.gslb import gslb
from openova_console.web.pages.overview import overview
from openova_console.web.pages.policy import policy
from openova_console.web.pages.region import region
from openova_console.web.pages.replication import replication, service
from openova_console.web.pages.run import run
from openova_console.web.pages.runs import runs
from openova_console.web.pages.slo import slo
from openova_console.web.pages.sources import sources
from openova_console.web.pages.standing import standing
from openova_console.web.pages.tokens import tokens
from openova_console.web.pages.users import users
from openova_console.web.pages.witnesses import witnesses

_LOOKING = (overview, replication, service, delivery, region, witnesses, slo, gslb, budget, alerts, sources)
_CHANGING = (runs, run, approvals, standing, freeze)
_CONSOLE = (audit, users, policy, tokens, deliveries)
PAGES = (*_LOOKING, *_CHANGING, *_CONSOLE)

__all__ = ["PAGES"]
