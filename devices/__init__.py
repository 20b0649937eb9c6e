"""What a target board is: profiles, detection, health."""
