"""How can one try everything without any data?"""
