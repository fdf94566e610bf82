from mlgov_client.cli import main

main()
