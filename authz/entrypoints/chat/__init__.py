"""What chats send to Holdgate: presses of buttons, commands, and where the bot is let in."""
