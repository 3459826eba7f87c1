"""Mutual TLS towards the check server."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import DataSource, TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsCertificate,
    TlsParameters,
    TlsParametersTlsProtocol,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from authz.adapters.envoy_config.plan import ClientTls


def client_tls_socket(tls: ClientTls) -> TransportSocket:
    """Return a transport socket that shows Envoy's certificate and insists on the server's name."""
    return TransportSocket(
        name="envoy.transport_sockets.tls",
        typed_config=Any.pack(
            UpstreamTlsContext(
                common_tls_context=CommonTlsContext(
                    # As a client Envoy goes up to 1.2 unless told otherwise.
                    tls_params=TlsParameters(
                        tls_minimum_protocol_version=TlsParametersTlsProtocol.TLSv1_3,
                        tls_maximum_protocol_version=TlsParametersTlsProtocol.TLSv1_3,
                    ),
                    tls_certificates=[
                        TlsCertificate(
                            certificate_chain=DataSource(filename=tls.certificate),
                            private_key=DataSource(filename=tls.private_key),
                        )
                    ],
                    validation_context=CertificateValidationContext(
                        trusted_ca=DataSource(filename=tls.trusted_ca),
                        match_typed_subject_alt_names=[
                            SubjectAltNameMatcher(
                                san_type=SubjectAltNameMatcherSanType.DNS,
                                matcher=StringMatcher(exact=tls.server_name),
                            )
                        ],
                    ),
                    alpn_protocols=["h2"],
                ),
                sni=tls.server_name,
            )
        ),
    )
