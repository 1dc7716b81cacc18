"""What the channels of one topic say to each other: broadcasts, and who is here. Pure."""
