"""How good are predictions, and how do runs compare?"""
