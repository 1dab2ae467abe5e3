"""The language server: ``cnndsl lsp``, for editors. It needs the extra ``lsp``.

Everything that is known comes from :mod:`cnndsl.language_service`; here it is put into the words of the protocol.

- ``translation``: places and values. ``documents``: the open texts, with their settings. ``server``: the requests.
"""
