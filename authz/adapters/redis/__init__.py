"""Tickets, audit and outbox in Redis or Valkey. Each Lua script is beside the wrapper that types it."""
