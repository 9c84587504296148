"""What can be built: Amaranth generators and the contracts that every folder shares."""
