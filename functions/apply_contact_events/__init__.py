"""Queue worker that lets what other systems tell count: touches, complaints, words of consent."""
