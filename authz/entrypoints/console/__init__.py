"""What people and waiting clients open over HTTP: the review pages, and the status of a ticket."""
