"""The Bot Framework's wire, as Microsoft Teams speaks it: who may call us, what they say, and how we answer back."""
