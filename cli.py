import socket,struct,sys
