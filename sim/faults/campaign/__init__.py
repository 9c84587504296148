"""Campaigns: many faults, cut into parts that are kept, run side by side and taken up again."""

from .run import Campaign, CampaignResult, Progress, run_campaign
from .store import Store

__all__ = ["Campaign", "CampaignResult", "Progress", "Store", "run_campaign"]
