"""Microsoft Teams by a bot: cards with buttons, changed in place, in channels and in personal chats."""
