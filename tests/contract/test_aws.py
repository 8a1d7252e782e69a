"""What this product relies on of SQS, SNS and S3, and nothing else: the same of each emulator and of AWS."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.brokers import until
from tests.contract.conftest import Cloud

PATIENCE_S = 60.0


def received(cloud: Cloud, url: str, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    """This many messages of a queue, waited for."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        asked = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "MessageAttributeNames": ["All"]}
        asked |= {"MessageSystemAttributeNames": ["ApproximateReceiveCount"]} | more
        found.extend(cloud.client("sqs").receive_message(QueueUrl=url, **asked).get("Messages", ()))
        return len(found) >= count

    until(look, f"{count} messages arrive", PATIENCE_S)
    return found


def receive_count(message: dict[str, Any]) -> int:
    return int(message["Attributes"]["ApproximateReceiveCount"])


def code(refused: Any) -> str:
    return str(refused.value.response["Error"]["Code"])


# SQS


def test_what_is_received_and_not_deleted_comes_back_and_is_counted(cloud: Cloud) -> None:
    url, _ = cloud.queue(VisibilityTimeout="1")
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="one")
    (first,) = received(cloud, url)
    (again,) = received(cloud, url)
    assert (first["MessageId"], receive_count(first)) == (again["MessageId"], 1)
    assert receive_count(again) == 2
    assert first["Body"] == again["Body"] == "one"


def test_what_is_deleted_does_not_come_back(cloud: Cloud) -> None:
    url, _ = cloud.queue(VisibilityTimeout="1")
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="one")
    (first,) = received(cloud, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    sqs.send_message(QueueUrl=url, MessageBody="two")
    (other,) = received(cloud, url)
    assert other["Body"] == "two"


def test_a_message_can_be_made_visible_again_at_once(cloud: Cloud) -> None:
    url, _ = cloud.queue(VisibilityTimeout="600")
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="one")
    (first,) = received(cloud, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = received(cloud, url)
    assert again["MessageId"] == first["MessageId"]


def test_what_is_received_too_often_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    dead, arn = cloud.queue()
    policy = {"deadLetterTargetArn": arn, "maxReceiveCount": 2}
    url, _ = cloud.queue(VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="poison")
    for count in (1, 2):
        (message,) = received(cloud, url)
        assert receive_count(message) == count

    def arrived() -> list[dict[str, Any]]:
        cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)  # the third look moves it
        found: list[dict[str, Any]] = (
            cloud.client("sqs").receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", [])
        )
        return found

    (moved,) = until(arrived, "it is in the dead letter queue", PATIENCE_S)
    assert moved["Body"] == "poison"


def test_ten_messages_are_a_batch_and_eleven_are_none(cloud: Cloud) -> None:
    url, _ = cloud.queue()
    entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(11)]
    answer = cloud.client("sqs").send_message_batch(QueueUrl=url, Entries=entries[:10])
    assert len(answer["Successful"]) == 10 and not answer.get("Failed")
    with pytest.raises(ClientError) as refused:
        cloud.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    assert "TooManyEntriesInBatchRequest" in code(refused)
    assert sorted(int(each["Body"]) for each in received(cloud, url, 10)) == list(range(10))


def test_a_standard_queue_takes_a_group(cloud: Cloud) -> None:
    """Fair queues: a noisy employer does not hold up the others."""
    url, _ = cloud.queue()
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="one", MessageGroupId="ACME")
    (message,) = received(cloud, url)
    assert message["Body"] == "one"


def test_a_fifo_queue_drops_what_has_the_same_deduplication_id(cloud: Cloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(
        QueueName=f"contract-{id(cloud):x}.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "600"}
    )["QueueUrl"]
    cloud.leave.callback(sqs.delete_queue, QueueUrl=url)
    for body, key in (("one", "1"), ("one", "1"), ("two", "2")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="ACME", MessageDeduplicationId=key)
    assert [each["Body"] for each in received(cloud, url, 2)] == ["one", "two"]


def test_a_queue_that_is_not_there_is_an_error(cloud: Cloud) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.client("sqs").get_queue_url(QueueName="contract-no-such-queue")
    assert "NonExistentQueue" in code(refused) or "QueueDoesNotExist" in code(refused)


# SNS


def attributes(**named: str) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}


def subscribed(cloud: Cloud, topic: str, **more: str) -> str:
    """A queue behind a topic, raw."""
    url, arn = cloud.queue()
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    cloud.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"} | more
    )
    return url


def test_a_raw_subscription_delivers_body_and_attributes_as_they_were(cloud: Cloud) -> None:
    topic = cloud.topic()
    url = subscribed(cloud, topic)
    cloud.client("sns").publish(
        TopicArn=topic, Message='{"id":"1"}', MessageAttributes=attributes(topic="payment.settled", id="1")
    )
    (message,) = received(cloud, url)
    assert message["Body"] == '{"id":"1"}'
    found = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert found == {"topic": "payment.settled", "id": "1"}


def test_a_filter_policy_on_attributes_lets_only_its_own_through(cloud: Cloud) -> None:
    topic = cloud.topic()
    policy = {"topic": [{"prefix": "payment."}, "dead_letter.created"], "employer": ["BOLT"]}
    url = subscribed(cloud, topic, FilterPolicy=json.dumps(policy))
    for number, (of, employer) in enumerate(
        [
            ("payment.settled", "ACME"),
            ("payment.settled", "BOLT"),
            ("payroll.started", "BOLT"),
            ("dead_letter.created", "BOLT"),
            ("dead_letter.closed", "BOLT"),
            ("payment.failed", "BOLT"),
        ]
    ):
        cloud.client("sns").publish(
            TopicArn=topic, Message=str(number), MessageAttributes=attributes(topic=of, employer=employer)
        )
    assert sorted(each["Body"] for each in received(cloud, url, 3)) == ["1", "3", "5"]


def test_an_empty_attribute_is_refused(cloud: Cloud) -> None:
    """So a publication that is about no employer carries no such attribute."""
    if cloud.name == "ministack":
        pytest.skip("ministack takes it; moto and AWS do not, and we send none")
    with pytest.raises(ClientError):
        cloud.client("sns").publish(
            TopicArn=cloud.topic(), Message="one", MessageAttributes=attributes(employer="")
        )


# S3


def test_a_conditional_write_takes_the_first_and_refuses_the_second(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket()
    s3.put_object(Bucket=bucket, Key="a", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a", Body=b"two", IfNoneMatch="*")
    assert code(refused) == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"one"


def test_a_checksum_is_kept_and_comes_back(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket()
    s3.put_object(
        Bucket=bucket, Key="a", Body=b"one", ChecksumAlgorithm="SHA256", ServerSideEncryption="AES256"
    )
    got = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    # printf one | openssl dgst -sha256 -binary | base64
    assert got["ChecksumSHA256"] == "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0="
    assert got["Body"].read() == b"one"


def test_a_wrong_checksum_is_refused(cloud: Cloud) -> None:
    if cloud.name == "moto":
        pytest.skip("moto does not compare them")
    with pytest.raises(ClientError):
        cloud.client("s3").put_object(
            Bucket=cloud.bucket(),
            Key="a",
            Body=b"two",
            ChecksumSHA256="dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=",
        )


def test_what_is_not_there_has_names_of_its_own(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket()
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=bucket, Key="a")
    assert code(refused) == "NoSuchKey"
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=f"{bucket}-x", Key="a")
    assert code(refused) == "NoSuchBucket"
