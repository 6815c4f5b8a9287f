"""What the recorder writes and the publisher reads: the files of a session's directory. Standard library only, but `decode`."""
