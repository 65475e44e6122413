"""Texts with and without API keys; every key here is invented."""

import base64
import hashlib
import random

import pytest

from liangxin_nb.config.key_detector import find_key

HEX = "ead0e5fe7c1b4a9d8f20b3c4d5e6f708"  # also a task id of KIE
WORD = "aB3dE5gH7jK9mN1pQ4sT6vX8zA2cF0hJ5lO7rU9w"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"
UUID = "550e8400-e29b-41d4-a716-446655440000"
SIGNED = f"X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101&X-Amz-Signature={HEX}{HEX}"

# Concatenated, so that scanners of repositories do not report this file.
KEYS = [
    *(
        f"sk-{rest}"
        for rest in (HEX, f"1234567890abcdef{HEX[:18]}", WORD, "abcdefghijklmnopqrstuv")
    ),
    f"use sk-{HEX} please",
    f"请用密钥sk-{HEX}。",
    f"'sk-{WORD}'",
    f"sk-proj-{WORD[:20]}-{WORD[20:]}_{WORD}",
    f"sk-ant-api03-{WORD}-{WORD[:20]}",
    f"sk-or-v1-{HEX}{HEX}",
    f"AIza{WORD[:35]}",
    f"ghp_{WORD[:36]}",
    f"github_pat_{WORD[:22]}_{WORD}",
    f"glpat-{WORD[:20]}",
    f"hf_{WORD[:34]}",
    f"r8_{WORD[:37]}",
    f"gsk_{WORD}{WORD[:12]}",
    f"xai-{WORD}{WORD}",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "xoxb-" + f"123456789012-{WORD[:24]}",
    "sk_live_" + WORD[:24],
    "whsec_" + WORD[:32],
    f"npm_{WORD[:36]}",
    f"{UUID}:{HEX}",
    JWT,
    "-----BEGIN RSA PRIVATE KEY-----",
    f"Authorization: Bearer {HEX}",
    f"bearer {WORD}",
    f"key={HEX}",
    f'{{"api_key": "{HEX}"}}',
    f"LIANGXIN_API_KEY={WORD}",
    f"export KIE_KEY='{HEX}'",
    f"密钥：{HEX}",
    f"-o token={HEX}",
    "-o api_key=hunter2hunter2",
    f"https://relay.example/v1?key=sk-{HEX}",
    f"https://relay.example/v1?a=1&api_key={HEX[:12]}",
    f"https://files.example/a.png?token=sk-{HEX}",
    f"https://user:sk-{HEX}@relay.example/",
    f"a picture of {JWT} on a wall",
]

NO_KEYS = [
    "",
    "a cafe terrace at night, rain on the stones",
    "夜晚的咖啡馆露台，雨滴落在石头上，钥匙在桌上",
    "القط على الكرسي 2024",
    "ключ: скрипичный, тональность ля минор 1788",
    "Schlüssel: ein Bart, 3 Zähne, um 1890",
    "sk-learn",
    "sk-8 -n 2",
    "sk-learn-classification-for-beginners",
    "sk-learn 1.4.2 tutorial",
    "ask-me-anything-about-20th-century-architecture",
    "SK-II bottle, studio light",
    "risk-assessment-2024-0123456789abcdef0123",
    "task-0123456789abcdef",
    "disk-4f3c2b1a9d8e7f6a5b4c",
    "a key: minor scale in 7/8",
    "color key: turquoise-and-orange-1970s",
    "key=landscape2024",
    "key=portrait-2024-edition",
    "hotkey: Ctrl+Shift+P4",
    "-o style=key-visual",
    "a monkey=banana",
    "high-key: soft light, 85mm",
    "the key idea: light",
    "the bearer of good news",
    "Bearer of the 1920s-style-lantern",
    "a bearer bond of 1890",
    "token: a fantasy coin",
    "secret: a hidden garden in 1890",
    "max_tokens=100000000000",
    "password protected archive",
    "--out task_monkey",
    "z-image --seed 4294967295",
    HEX,
    f"resume {HEX}",
    f"taskId: {HEX}",
    UUID,
    f"id={UUID}",
    "task_z-image_1795306984967",
    "task_seedream-v4-5_1777600000000",
    f"task_{HEX}",
    "job-2-4f3c2b1a",
    hashlib.sha256(b"").hexdigest(),
    hashlib.sha1(b"").hexdigest(),
    "sha256:" + "0123456789abcdef" * 4,
    "IMG_20260101_120000.png",
    "DSC0001_key_light.jpg",
    "1745-a-cafe-terrace-3f9c/metadata.json",
    f"https://tempfile.example/s/{HEX}_0_1777600000.png",
    f"https://b.s3.amazonaws.com/x.png?{SIGNED}",
    f"https://p.supabase.co/storage/v1/object/sign/a/x.png?token={JWT}",
    f"https://firebasestorage.googleapis.com/v0/b/x/o/y?alt=media&token={UUID}",
    f"https://oss.example/a.png?OSSAccessKeyId=LTAI5t&Expires=1&Signature={WORD}",
    f"https://cdn.example/a.png?ex=1&is=2&hm={HEX}{HEX}",
    f"https://drive.example/file/d/x/view?resourcekey=0-{WORD[:22]}",
    f"https://d111.cloudfront.net/a.png?Policy={JWT}&Signature={WORD}&Key-Pair-Id=K2JCJMDEHXQW5F",
    f"https://x.example/a.png?X-Amz-Security-Token={WORD}{WORD}%3D",
    f"data:image/png;base64,{base64.b64encode(bytes(range(256))).decode()}",
    f"{WORD}{HEX}{WORD}",
    "seedream/5-lite-text-to-image",
    "wan/2-2-a14b-text-to-video-turbo",
    "flux-2/pro",
    "ghp_",
    "hf_hub",
    "hf_hub_download_with_retries_and_a_long_name",
    "xoxo-hugs-and-kisses",
    "AIza",
    "AKIAMOTO",
    "npm_config_registry",
    "r8_",
    "SG.1",
    "12345678901234567890",
    "A" * 64,
    "-----BEGIN CERTIFICATE-----",
    "logo with text API KEY: 12345678",
    "api_key: your-key-1",
    'a poster saying "Access key: door42open"',
    "https://h/a.png?key=1234567890ab",
    "https://h/a.png?size=2&Key=photos2024holiday12",
    "https://h/a.png?accessKey=0f1e2d3c4b5a69788796a5b4",
]


@pytest.mark.parametrize("text", KEYS, ids=range(len(KEYS)))
def test_key_is_recognised(text):
    assert find_key(text)


@pytest.mark.parametrize("text", NO_KEYS, ids=range(len(NO_KEYS)))
def test_ordinary_text_is_not_mistaken_for_a_key(text):
    assert find_key(text) == ""


def test_pictures_in_base64_are_not_mistaken_for_keys():
    data = random.Random(1).randbytes(300_000)
    assert find_key(base64.b64encode(data).decode()) == ""


@pytest.mark.parametrize(
    "part", ["sk-", "sk-a-", "key: a_", "https://a?b=c&", "api_key=", "bearer "]
)
def test_time_of_the_search_is_linear(part):
    assert find_key(part * 20_000) == ""
