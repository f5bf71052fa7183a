Feature: HTTP protocol binding, batched content mode

  What the conformance suite of CloudEvents leaves out, in its words.

  Scenario Outline: Batched content mode (<contentType>)
    Given an HTTP request
      """
      POST /someresource HTTP/1.1
      Host: example.com
      Content-Type: <contentType>

      [
        {"specversion": "1.0", "id": "1", "source": "/a", "type": "com.example.first",
         "datacontenttype": "application/json", "data": {"message": "Hello"}},
        {"specversion": "1.0", "id": "2", "source": "/a", "type": "com.example.second",
         "datacontenttype": "application/octet-stream", "data_base64": "/v8="}
      ]
      """
    When parsed as HTTP request
    Then there are 2 events
    And event 1 has the attributes
      | key             | value             |
      | id              | 1                 |
      | type            | com.example.first |
      | datacontenttype | application/json  |
    And event 2 has the attributes
      | key             | value                    |
      | id              | 2                        |
      | type            | com.example.second       |
      | datacontenttype | application/octet-stream |

    Examples:
      | contentType                                      |
      | application/cloudevents-batch+json               |
      | application/cloudevents-batch+json;charset=utf-8 |

  Scenario: An empty batch
    Given an HTTP request
      """
      POST /someresource HTTP/1.1
      Content-Type: application/cloudevents-batch+json

      []
      """
    When parsed as HTTP request
    Then there are 0 events
