"""What every construct of this project is made of."""
