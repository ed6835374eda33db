# SPDX-License-Identifier: LGPL-2.1-or-later
"""IoT Trust Manager, as digicert_mock.py plays it: it can neither be asked for certificates by key nor what became of a request."""

import json

import digicert_mock
from digicert_adapter import KitMock, LifecycleAdapter


class IotMock(KitMock):
    def iot_issue(self, scenario, body, query):
        status, shown = KitMock.iot_issue(self, scenario, body, query)
        if "pem" in shown:
            shown["pem"] = next(entry for entry in self.issued if entry.id == shown["certificate_id"]).issued.pem
        return status, shown


IotMock.ROUTES = [(*route[:3], IotMock.iot_issue) if route[0] == "iot-issue" else route for route in KitMock.ROUTES]


class IotAdapter(LifecycleAdapter):
    profile = digicert_mock.IOT_PROFILE
    skips = {"connection/trust/*": "trust is configured, not asked for",
             "certificate/uri": "the product sends no URI"}

    def start(self, directory, signer):
        super().start(directory, signer)
        self.mock.stop()
        self.mock = IotMock(directory, signer)
        self.port = self.mock.port

    def settings(self, host, port, ca_file, timeout):
        return {**super().settings(host, port, ca_file, timeout), "trust": str(self.trust)}

    def answer(self, text):
        return 200, json.dumps({"certificate_request_id": "1", "status": "AUTO_APPROVED", "result": "SUCCESS", "certificate_id": "1",
                                "pem": text}).encode()
