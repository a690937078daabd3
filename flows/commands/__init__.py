"""What each word of the command line does; heavy imports happen inside, when the word is used."""
