"""The files of a session directory, written by the recorder and the publisher. Standard library only, except `decode`."""
