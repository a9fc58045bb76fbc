"""Tokens signed by botocore, as generate_db_auth_token() of its newer versions does it."""
import os


def token(user="admin", region=None, secret=None):
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    host = os.environ["DSQL_LOCAL_HOST"]
    action = "DbConnectAdmin" if user == "admin" else "DbConnect"
    keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], secret or os.environ["AWS_SECRET_ACCESS_KEY"],
                       os.environ.get("AWS_SESSION_TOKEN"))
    request = AWSRequest(method="GET", url=f"https://{host}/?Action={action}")
    SigV4QueryAuth(keys, "dsql", region or os.environ["AWS_REGION"], expires=900).add_auth(request)
    return request.url[len("https://"):]


if __name__ == "__main__":
    print(token())
