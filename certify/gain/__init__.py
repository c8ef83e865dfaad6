"""How large is the gain M(nu)? The one question that every engine answers."""
