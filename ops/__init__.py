"""What a person does about it: admin, commands, proofs, progress."""
