"""Signed webhooks: every event as a CloudEvent, signed as the Standard Webhooks specification says."""
